"""Speech with known phoneme times: what lips are learnt from and tested on."""
