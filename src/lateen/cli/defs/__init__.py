"""`lateen def ...`: everything that is done with definitions."""
