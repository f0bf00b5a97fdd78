"""The simulated survey with which the dashboard can be tried without data or a network."""

from anomalymatch_ui.demo.build import DemoSurvey, survey

__all__ = ["DemoSurvey", "survey"]
