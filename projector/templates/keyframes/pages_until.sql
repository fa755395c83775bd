observed_at <= $instant AND scope IN (SELECT _scope FROM seen WHERE _listing)
