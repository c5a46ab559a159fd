"""The rules of the house, as checks: each takes a Tree (sources.py) and yields Finding."""
