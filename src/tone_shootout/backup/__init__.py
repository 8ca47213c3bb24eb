"""Backup and restore of an installation: database and objects together, in one folder, optionally encrypted.

`docs/backup-format.md` describes the folder.
"""
