"""The work of `monitor rules like`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from monitor.base import package_files
from monitor.base.errors import UserError
from monitor.base.i18n import tr


def table() -> int:
    """Print how precise each shipped family is, on sentences it was not learned from."""
    from ruamel.yaml import YAML

    file = package_files.models_dir() / "meaning" / "families.yaml"
    if not file.is_file():
        raise UserError(
            tr(f"缺少 {file}；重新安装", f"{file} is missing; install the package again")
        )
    head = (
        tr("类", "family"),
        tr("找到", "found"),
        tr("听错 15% 时", "15 % misheard"),
        tr("确定的", "surely"),
        tr("准确率(95% 区间)", "precision (95 % interval)"),
        tr("句", "sentences"),
    )
    click.echo("\t".join(head))
    for family in YAML(typ="safe").load(file.read_text("utf-8"))["families"]:
        click.echo("\t".join(_row(family)))
    return 0


def _row(family: Mapping[str, Any]) -> list[str]:
    low, high = family["interval"]
    return [
        str(family["family"]),
        f"{family['found']:.0%}",
        f"{family['found_misheard']:.0%}",
        f"{family['found_surely']:.0%}",
        f"{family['precision']:.0%} ({low:.0%}–{high:.0%})",
        str(family["held_out"]),
    ]
