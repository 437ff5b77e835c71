"""Wire types of core.oam.dev: typed views over raw maps. Pure; what two stages share lives here."""
