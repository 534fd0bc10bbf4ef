"""`monitor devices`: what can be listened to."""

from __future__ import annotations

import click

from monitor.base.i18n import tr


@click.command(
    "devices",
    help=tr(
        """列出可用的录音设备;把编号或名称交给 monitor listen --agent / --customer。

        \b
        示例：
          monitor devices""",
        """List the capture devices; give a number or name to
        monitor listen --agent / --customer.

        \b
        Examples:
          monitor devices""",
    ),
)
def command() -> int | None:
    from monitor.audio import headset

    found = headset.devices()
    if not found:
        click.echo(
            tr(
                "没有找到录音设备：请插入耳机，或检查系统声音服务",
                "no capture device found: plug in a headset, or check the sound service",
            ),
            err=True,
        )
        return 1
    for device in found:
        channels = tr(f"{device.channels} 声道", f"{device.channels} ch")
        default = tr("（默认）", " (default)") if device.default else ""
        click.echo(f"{device.index:3}  {device.name}  {channels}  {device.rate} Hz{default}")
    return None
