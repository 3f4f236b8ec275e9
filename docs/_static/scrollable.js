// What is wider than its box scrolls sideways: the keyboard has to reach it for that.
const boxes = document.querySelectorAll("pre, div.math, .table-wrapper, p:has(> img)");

function mark() {
  for (const box of boxes) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

mark();
addEventListener("resize", mark);
