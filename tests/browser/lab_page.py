"""A notebook in JupyterLab, as somebody in front of the screen sees and uses it."""

PATIENCE = 300_000  # milliseconds; a busy computer may need a while to train a lesson's networks
TROUBLE = (
    "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
)
ALL_RAN = f"""() => document.querySelector("{TROUBLE}") ||
  [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')]
    .every(cell => /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').textContent))"""
RAN_AGAIN = """([cell, before]) => {
  const prompt = cell.querySelector('.jp-InputPrompt').textContent;
  return /\\[\\d+\\]/.test(prompt) && prompt !== before;
}"""


class LabPage:
    """One notebook at a time, found by the words on it.

    Args:
        page: a page of playwright.
        address, token: those of the server.
    """

    def __init__(self, page, address, token):
        self.page, self.address, self.token = page, address, token
        page.set_default_timeout(PATIENCE)

    def open(self, path):
        """Open a notebook alone, without the file browser, and wait for its kernel."""
        self.page.goto(f"{self.address}/doc/tree/{path}?token={self.token}")
        # The circle above the notebook is "idle" already before there is a kernel.
        self.page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()

    @property
    def notebook(self):
        """The notebook that is seen; others may be open behind it."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def wait_for_tab(self, name):
        """Wait until the document ``name`` is in front."""
        self.page.locator("#jp-main-dock-panel .lm-mod-current", has_text=name).and_(
            self.page.locator(f"[title*='Name: {name}']")
        ).wait_for()

    def follow(self, text):
        """Click the last link with these words in the notebook that is seen."""
        # JupyterLab finds out where a link leads after it has drawn it.
        self.notebook.locator("a[href*='/files/']", has_text=text).last.click()

    def choose(self, menu, entry):
        """Click an entry of the menu bar."""
        self.page.locator(".lm-MenuBar-item", has_text=menu).first.click()
        self.page.locator(".lm-Menu-item", has_text=entry).first.click()

    def run_all(self):
        """Forget the outputs that the file came with, run every cell, and wait for the last one or an error."""
        self.choose("Edit", "Clear Outputs of All Cells")
        self.outputs().first.wait_for(state="detached")
        self.choose("Run", "Run All Cells")
        self.page.wait_for_function(ALL_RAN)

    def cell(self, text):
        """Return the first cell that contains ``text``, prose or code."""
        return self.notebook.locator(".jp-Notebook-cell", has_text=text).first

    def prose(self, text):
        """Return the first paragraph that contains ``text``."""
        return self.notebook.locator(".jp-Notebook p", has_text=text).first

    def outputs(self, text=""):
        """Return the outputs that contain ``text``."""
        return self.notebook.locator(".jp-OutputArea-output", has_text=text)

    def trouble(self):
        """Return the words of all errors and warnings in the notebook."""
        return self.notebook.locator(TROUBLE).all_inner_texts()

    def run(self, cell):
        """Run one cell, wait for it, and return its output."""
        before = cell.locator(".jp-InputPrompt").text_content()
        cell.locator(".cm-content").press("Control+Enter")
        self.page.wait_for_function(RAN_AGAIN, arg=[cell.element_handle(), before])
        return cell.locator(".jp-OutputArea-output")

    def type_over(self, cell, source):
        """Replace what stands in a cell, and run it."""
        cell.locator(".cm-content").press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)
        return self.run(cell)

    def type_below(self, cell, source):
        """Put a new cell below, and run ``source`` in it."""
        cell.locator(".jp-InputPrompt").click()
        self.page.keyboard.press("b")
        return self.type_over(self.page.locator(".jp-Notebook-cell.jp-mod-active"), source)
