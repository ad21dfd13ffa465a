-- The team's own table. The id of a transfer is chosen by who asks for it, so that asking twice transfers once.
CREATE TABLE transfers (
  id           uuid    PRIMARY KEY,
  from_account text    NOT NULL,
  to_account   text    NOT NULL,
  amount       numeric NOT NULL CHECK (amount > 0)
);
