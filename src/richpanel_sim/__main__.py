"""``python -m richpanel_sim`` is the ``richpanel-sim`` command."""

from richpanel_sim.cli import main

if __name__ == "__main__":
    main()
