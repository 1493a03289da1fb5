"""The end of a training whose numbers are none."""


class Diverged(Exception):
    """What is trained is no longer made of finite numbers; the text says what and when."""
