-- Condition: pages until the instant, of the scopes on which the entities were listed.
observed_at <= $instant AND scope IN (SELECT _scope FROM seen WHERE _listing)
