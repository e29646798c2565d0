"""广东政务服务网湛江市: the one door for people and enterprises: search, guides, an own home page, messages, who looked at my data.

Whose: 市政务服务和数据管理局. Basis: 国务院关于在线政务服务的若干规定. Plan id: government_services_network_zhanjiang.
Left out: the shared website base of the city's government sites (it comes with the sites' own issue).
"""
