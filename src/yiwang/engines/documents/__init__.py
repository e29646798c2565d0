"""电子印章和文书. Whose: 市政务服务和数据管理局. Basis: 在线政务服务若干规定第九条, ETSI EN 319 142-1. Plan id: electronic_seal_service (declared in system.py).

Left out: the provincial seal platform (exchange has its own issue), SM2 signatures and OFD (behind `authority.Suite`).
"""
