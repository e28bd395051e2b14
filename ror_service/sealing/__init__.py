"""Nobody reads a report but the person it is for: sealed at rest, sealed to the partner, signed, receipted.

- `envelope`: a report under its own data key, bound to participant, report, version, kind and template.
- `keys`: data keys wrapped by a key-encryption key, with rotation.
- `recipients`: sealing to a partner's public key (HPKE).
- `signing`: detached signatures over manifests.
- `bundle`: what goes to the partner, in one file.
- `receipts`: what the partner signs for.
- `vault`: sealed rows of the database; the one module here that knows of a database.

Nothing here touches the network.
"""
