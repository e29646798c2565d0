"""统一申办受理与审批: one application from draft to delivery, taken in by one window, decided behind it, delivered by one window.

Whose: 市政务服务和数据管理局. Basis: 行政许可法 (chapters 3 and 4), 国务院关于在线政务服务的若干规定.
Plan ids: unified_acceptance_platform, approval_business_system, one_window_acceptance, integrated_online_services.
Left out: the link to the provincial acceptance platform (exchange comes with its own issue).
"""
