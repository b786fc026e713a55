"""One Ray Serve deployment per stage of the speech graph, thin: the models live in ``tts_models``."""
