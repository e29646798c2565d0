"""政务服务事项标准化. Whose: 市政务服务和数据管理局. Basis: 行政许可法第三十条, 政务服务事项基本目录. Plan id: service_item_standardization.

Left out: synchronisation with the provincial catalogue system (exchange has its own issue); basic codes stay empty until they come from it.
"""
