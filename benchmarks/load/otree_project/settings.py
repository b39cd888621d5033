"""An oTree project with one app."""

SESSION_CONFIGS = [{"name": "same_different", "app_sequence": ["same_different"], "num_demo_participants": 1}]
SESSION_CONFIG_DEFAULTS = {"real_world_currency_per_point": 1.0, "participation_fee": 0.0, "doc": ""}
PARTICIPANT_FIELDS: list[str] = []
SESSION_FIELDS: list[str] = []
LANGUAGE_CODE = "en"
REAL_WORLD_CURRENCY_CODE = "EUR"
USE_POINTS = True
ADMIN_USERNAME = "admin"
ADMIN_PASSWORD = "benchmark"
DEMO_PAGE_INTRO_HTML = ""
SECRET_KEY = "only for a benchmark on this machine"
