"""网上信访: every petition registered on whatever channel it came, divided, handled, answered by a sealed letter, reviewed twice, followed and rated.

Whose: 市信访局. Basis: 信访工作条例（中共中央、国务院 2022 年 2 月 25 日发布，2022 年 5 月 1 日起施行）. Plan id: online_petition_system.
Left out: the rooms of reception (排号), video visits, and the national system's own archives; the province is reached over its wire.
"""
