"""The brokers and folders that notifications come from."""
