"""电子证照系统. Whose: 市政务服务和数据管理局. Basis: 在线政务服务若干规定第十条, GB/T 36904-2018. Plan id: electronic_certificate_system.

Left out: the link to the provincial certificate system (exchange has its own issue); OFD faces and SM2 seals (documents leaves room).
"""
