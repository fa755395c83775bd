strftime($instant AT TIME ZONE 'UTC', '%Y%m%dT%H%M%S%f')
