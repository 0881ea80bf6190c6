"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy machine is slow, and no test is about that
settings.load_profile("any machine")
