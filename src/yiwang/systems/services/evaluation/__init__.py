"""政务服务“好差评”: each service may be rated once in five grades; a bad grade opens a duty to answer, checked by a revisit.

Whose: 市政务服务和数据管理局. Basis: 国办发〔2019〕51号. Plan id: service_evaluation_good_bad. Left out: rating devices at the window (they call the same verb).
"""
