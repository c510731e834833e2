"""What commands may ask of the window and its dialogs."""

from __future__ import annotations

from typing import Protocol

from explorer.control.controller import Controller


class Dialogs(Protocol):
    """The dialogs that commands open."""

    def ask_folder(self, dataset: str) -> None:
        """Ask for a dataset's folder, and open it."""

    def ask_settings(self) -> None:
        """Show the settings of training and measuring."""

    def ask_method_settings(self) -> None:
        """Show the settings of the chosen methods."""

    def show_forget_sets(self) -> None:
        """List the saved forget sets."""

    def show_palette(self) -> None:
        """Let the user search the commands."""

    def show_shortcuts(self) -> None:
        """List the shortcuts."""

    def show_glossary(self) -> None:
        """Explain the terms."""

    def explain(self) -> None:
        """Explain what is under the mouse or has the keyboard focus."""

    def show_tour(self) -> None:
        """Begin the tour."""

    def show_about(self) -> None:
        """Show what this program is."""


class Shell(Protocol):
    """The target of commands: the window with its controller."""

    controller: Controller

    @property
    def dialogs(self) -> Dialogs:
        """The dialogs."""

    def close(self) -> bool:
        """Close the window and exit."""

    def reset_layout(self) -> None:
        """Restore the default layout of docks."""

    def go_to(self, name: str) -> None:
        """Bring a dock to the front and give it keyboard focus."""

    def show_workspace(self, name: str) -> None:
        """Lay the docks out for a workspace."""

    def enlarge(self, name: str = "") -> None:
        """Let a dock fill the window, or put it back; by default the one with keyboard focus."""

    def choose_theme(self, choice: str) -> None:
        """Change the theme: 'light', 'dark' or 'system'."""

    def clear_recent(self) -> None:
        """Empty the list of recent files."""

    def copy_report(self) -> None:
        """Copy a report of the last error to the clipboard."""
