"""“互联网+河长制”: rivers and reaches with their chiefs, patrols on the phone, problems found, settled and counted, and what the public reports.

For river chiefs of four levels and their offices (市县河长办, led by the water bureau), and for citizens along the water.
Basis: 水污染防治法第五条 (河长制), 水法, 河道管理条例, 广东省河湖长制 rules; patrol frequencies are dated data that the city can correct.
Plan: river_chief_platform, river_chief_standards.
"""
