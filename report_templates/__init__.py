"""Result reports: what they hold, their wording in each language, and the HTML made from both.

Knows the findings and the consent gate's `Release`, and nothing of the service. See README.md in this folder.
"""
