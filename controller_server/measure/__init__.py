"""How good a simulated clip is, how physical, and the page that shows it."""

from .scores import BeforeAfter, PersonScores, Scores, measure, scores_to_dict, scores_to_json

__all__ = ["BeforeAfter", "PersonScores", "Scores", "measure", "scores_to_dict", "scores_to_json"]
