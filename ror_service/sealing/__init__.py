"""Nobody reads a report but the person it is for: sealed at rest, sealed to the partner, signed, receipted.

- `envelope`: a report under its own data key, bound to participant, report, version, kind and template.
- `stream`: a file of any size, sealed chunk by chunk.
- `keys`: data keys wrapped by a key-encryption key, with rotation.
- `recipients`: sealing to a partner's public key (HPKE).
- `signing`: detached signatures over manifests.
- `bundle`: what goes to the partner, in one file.
- `receipts`: what the partner signs for.
- `vault`: sealed rows of the database, and the data keys of all that is sealed; the one module here that knows of a
  database.

Nothing here touches the network.
"""
