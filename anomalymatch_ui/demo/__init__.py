"""What the dashboard can be tried with: a simulated survey that needs no network, and GalaxyMNIST."""

from anomalymatch_ui.demo.files import DemoSurvey, survey
from anomalymatch_ui.demo.galaxies import GalaxyMnist, GalaxySearch, galaxy_mnist, search_galaxies

__all__ = ["DemoSurvey", "GalaxyMnist", "GalaxySearch", "galaxy_mnist", "search_galaxies", "survey"]
