"""运行图: the board of figures, its own doors and the role of those who look at a whole division."""

from yiwang.kit.declare import Page, Role, System
from yiwang.shells.console import figures

LOOKERS = ("supervisor", "leader")

system = System(
    code="figures",
    name="运行图",
    owner="government_services_data",
    roles=(Role(code="leader", name="分管领导", sees="division"),),
    pages=(
        Page(shell="console", route="figures", name="board", view=figures.board, guard=LOOKERS, menu="运行图", icon="chart-bar"),
        Page(shell="console", route="figures/<slug:indicator>", name="figure", view=figures.figure, guard=LOOKERS),
        Page(shell="console", route="figures/<slug:indicator>/rows", name="rows", view=figures.rows, guard=LOOKERS),
    ),
    journeys=("tests/journeys/test_figures.py",),
)
