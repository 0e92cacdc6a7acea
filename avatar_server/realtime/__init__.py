"""``/v1/realtime``: the server as a voice assistant that speaks OpenAI's Realtime protocol."""
