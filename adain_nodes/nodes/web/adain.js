// What the nodes show in the page beyond what ComfyUI shows by itself: the chosen picture or style
// before anything runs, what there is to say after a run, and options in the page's language.
// Without this file the nodes work as well.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

// Node, the widget that names its picture, and the kind by which the server has it.
const PICTURES = {
  AdaINExampleImage: ["image", "example"],
  AdaINLoadStyle: ["style_name", "style"],
};
const PICTURE_ROOM = 180; // px on a new node
const PICTURE_LEAST = 120; // px to which it may be shrunk
const NOTICE_ROOM = 84; // px

let translations = {}; // of our nodes into the page's language, as in locales/

const ours = (node) => node.comfyClass?.startsWith("AdaIN");

function showPicture(node, widget, kind) {
  const picture = document.createElement("img");
  // Fills what the node has to spare: its own size must not make the node larger.
  Object.assign(picture.style, {
    position: "absolute",
    width: "100%",
    height: "100%",
    objectFit: "contain",
  });
  const room = document.createElement("div");
  Object.assign(room.style, {
    position: "relative",
    height: "100%",
    minHeight: `${PICTURE_LEAST}px`,
    pointerEvents: "none", // the canvas moves and zooms under it
  });
  room.append(picture);
  addElement(node, "picture", room, PICTURE_LEAST);
  const show = () => {
    picture.style.visibility = "hidden"; // until it is there: not every style has one
    picture.src = api.apiURL(`/adain/${kind}?name=${encodeURIComponent(widget.value)}`);
  };
  picture.onload = () => (picture.style.visibility = "visible");
  after(widget, "callback", show);
  after(node, "onConfigure", show);
  show();
  node.setSize([node.size[0], node.computeSize()[1] + PICTURE_ROOM - PICTURE_LEAST]);
}

function showNotice(node, lines) {
  let widget = node.widgets?.find((each) => each.name === "notice");
  if (!lines?.length) {
    if (widget) node.removeWidget?.(widget);
    return;
  }
  if (!widget) {
    const text = document.createElement("div");
    Object.assign(text.style, {
      color: "var(--p-orange-400, orange)",
      fontSize: "12px",
      lineHeight: "1.3",
      overflow: "auto",
      whiteSpace: "pre-line",
    });
    widget = addElement(node, "notice", text, NOTICE_ROOM);
  }
  widget.element.textContent = lines.join("\n");
  const [width, height] = node.size;
  node.setSize([width, Math.max(height, node.computeSize()[1])]);
}

function addElement(node, name, element, least) {
  const options = { serialize: false, hideOnZoom: false, getMinHeight: () => least };
  const widget = node.addDOMWidget(name, name, element, options);
  widget.serialize = false; // the values in a saved workflow are those of INPUT_TYPES alone
  return widget;
}

// Options as "par image (per_frame)": what is saved, and what tooltips name, stays as it is.
function translateOptions(node) {
  const inputs = translations[node.comfyClass]?.inputs ?? {};
  for (const widget of node.widgets ?? []) {
    const words = inputs[widget.name]?.options;
    if (words) widget.options.getOptionLabel = (value) => label(words[value], value);
  }
}

function label(word, value) {
  if (!word || word.toLowerCase() === value?.toLowerCase()) return value ?? "";
  return `${word} (${value})`;
}

function after(target, name, added) {
  const before = target[name];
  target[name] = function (...values) {
    const result = before?.apply(this, values);
    added.apply(this, values);
    return result;
  };
}

app.registerExtension({
  name: "adain.page",
  async init() {
    const locale = app.extensionManager?.setting.get("Comfy.Locale");
    const answer = await api.fetchApi("/i18n");
    if (answer.ok) translations = (await answer.json())[locale]?.nodeDefs ?? {};
  },
  setup() {
    // A node that has nothing to say sends nothing, also after it had something.
    api.addEventListener("execution_start", () => {
      for (const node of app.graph.nodes) if (ours(node)) showNotice(node, []);
    });
  },
  nodeCreated(node) {
    if (!ours(node)) return;
    translateOptions(node);
    const [name, kind] = PICTURES[node.comfyClass] ?? [];
    const widget = node.widgets?.find((each) => each.name === name);
    if (widget) showPicture(node, widget, kind);
    after(node, "onExecuted", ({ text }) => showNotice(node, text));
  },
});
