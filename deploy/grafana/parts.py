"""The parts of dashboards: panels of three kinds, rows of panels, and the variables of each dashboard.

Invariant: every panel has a title, a description, a unit and the chosen data source; panels fill 24 columns from left
to right. So no dashboard can be laid out, or left unexplained, in a way of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

COLUMNS = 24
TAG = "ioc-bridge"
_SOURCE = model.DataSourceRef(type_val="prometheus", uid="$datasource")

Level = tuple[float, str]
"""From this value on, this colour."""
Word = tuple[str, str, str]
"""A value, the word shown for it, and its colour."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression and the name of its series, in which `{{label}}` is replaced by a label."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `unit` is Grafana's name of it; `levels` colour a value; `words` stand for certain values."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    kind: Literal["stat", "series", "bars"] = "series"
    width: int = 12
    height: int = 8
    levels: tuple[Level, ...] = ()
    most: float | None = None
    words: tuple[Word, ...] = ()
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A heading and the panels below it."""

    title: str
    panels: Sequence[Panel]


def build(uid: str, title: str, description: str, rows: Iterable[Row], *, connections: bool = False) -> model.Dashboard:
    """A dashboard of these rows. `connections`: it can be narrowed to some."""
    built = (
        dashboard.Dashboard(title)
        .uid(f"ioc-bridge-{uid}")
        .description(description)
        .tags([TAG])
        .readonly()
        .time("now-3h", "now")
        .timezone("browser")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(
            dashboard.DashboardLink("ioc-bridge").type(model.DashboardLinkType.DASHBOARDS).tags([TAG]).as_dropdown(True)
            .include_vars(True).keep_time(True)
        )
    )  # fmt: skip
    built = built.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    built = built.with_variable(_variable("job", "Job", "label_values(ioc_bridge_build_info, job)"))
    built = built.with_variable(
        _variable("instance", "Instance", 'label_values(ioc_bridge_build_info{job=~"$job"}, instance)')
    )
    if connections:
        query = 'label_values({__name__=~"ioc_bridge_(entries|poll_interval_seconds)", job=~"$job"}, connection)'
        built = built.with_variable(_variable("connection", "Connection", query))
    top, number = 0, 1
    for row in rows:
        heading = dashboard.Row(row.title).id(number).grid_pos(model.GridPos(h=1, w=COLUMNS, x=0, y=top))
        built, top, number, left = built.with_row(heading), top + 1, number + 1, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                top, left = top + panel.height, 0
            position = model.GridPos(h=panel.height, w=panel.width, x=left, y=top)
            built = built.with_panel(_panel(panel).id(number).grid_pos(position))
            left, number = left + panel.width, number + 1
        top += row.panels[-1].height
    return built.build()


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return (
        dashboard.QueryVariable(name).label(label).datasource(_SOURCE).query(query).multi(True).include_all(True)
        .all_value(".+").current(everything).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )  # fmt: skip


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel | bargauge.Panel:
    built: stat.Panel | timeseries.Panel | bargauge.Panel
    match panel.kind:
        case "stat":
            last = common.ReduceDataOptions().calcs(["lastNotNull"])
            built = stat.Panel().reduce_options(last).color_mode(common_model.BigValueColorMode.BACKGROUND)
        case "bars":
            last = common.ReduceDataOptions().calcs(["lastNotNull"])
            built = bargauge.Panel().reduce_options(last).orientation(common_model.VizOrientation.HORIZONTAL)
        case "series":
            legend = common.VizLegendOptions().display_mode(common_model.LegendDisplayMode.TABLE).show_legend(True)
            legend = legend.placement(common_model.LegendPlacement.RIGHT).calcs(["lastNotNull", "max"])
            built = timeseries.Panel().legend(legend).fill_opacity(10).line_width(1)
            if panel.stacked:
                built = built.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    built = built.title(panel.title).description(panel.description).unit(panel.unit).datasource(_SOURCE).min(0)
    if panel.most is not None:
        built = built.max(panel.most)
    if panel.words:
        options = {value: model.ValueMappingResult(text=text, color=color) for value, text, color in panel.words}
        built = built.mappings([model.ValueMap(options=options)])
    steps = [model.Threshold(value=None, color="green"), *(model.Threshold(value=v, color=c) for v, c in panel.levels)]
    built = built.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(letter).datasource(_SOURCE)
        built = built.with_target(target.instant() if panel.kind != "series" else target.range())
    return built
