"""The one Django app: tables are called `cominflow_arrival` and so on; its migrations are in `cominflow.models`."""

from django.apps import AppConfig


class CominflowConfig(AppConfig):
    """Django's name for us."""

    name = "cominflow"
    default = True
