"""Values of the option `--lanes`: how many runs one program trains together."""

LANE_WIDTHS = (4, 16, 64, 256)
"""Numbers of lanes that a program can have. Equal numbers give equal bits, so there are only a few."""

AUTO, OFF = "auto", "off"
LANE_CHOICES = (AUTO, OFF, *map(str, LANE_WIDTHS))
