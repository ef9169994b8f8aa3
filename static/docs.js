// Starts Swagger UI for a section of the API. Each endpoint that is opened is ready to be
// tried out: the fields are there, and the body has the example in it.
(() => {
  const root = document.getElementById("swagger-ui");
  const nothing = () => () => null;

  const tryItOut = (Execute, { React }) =>
    class extends Execute {
      render() {
        return React.cloneElement(super.render(), {}, "Try it out!");
      }
    };

  // A link within what is clicked to open an endpoint would be a second way to do the same.
  const text = (_, { React }) => (props) => React.createElement("span", null, props.text);

  // The page says what the section is about; there is one server, and nothing to cancel.
  const portal = {
    wrapComponents: { execute: tryItOut, DeepLink: text, InfoContainer: nothing, ServersContainer: nothing, TryItOutButton: nothing },
  };

  // What Swagger UI leaves without a name, or out of the keyboard's reach.
  const names = { ".copy-to-clipboard button": "Copy to clipboard", ".close-modal": "Close the dialog", ".body-param__text": "Request body" };
  const mend = () => {
    for (const [selector, name] of Object.entries(names)) {
      root.querySelectorAll(`${selector}:not([aria-label])`).forEach((element) => (element.ariaLabel = name));
    }
    root.querySelectorAll("[type=submit][aria-label]").forEach((button) => (button.ariaLabel = null)); // it says what it does
    root.querySelectorAll("pre:not([tabindex])").forEach((pre) => (pre.tabIndex = 0));
  };
  new MutationObserver(mend).observe(root, { childList: true, subtree: true });

  const ui = SwaggerUIBundle({
    domNode: root,
    url: root.dataset.document,
    plugins: [portal],
    deepLinking: true,
    docExpansion: "none",
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: -1,
    filter: true,
    persistAuthorization: false,
    validatorUrl: null,
    onComplete: () => {
      if (location.hash.length > 1) return; // it opens what it names
      const tags = ui.specSelectors.tags().map((tag) => tag.get("name")).toArray();
      const first = tags.includes(root.dataset.section) ? root.dataset.section : tags[0];
      ui.layoutActions.show(["operations-tag", first], true);
    },
  });
})();
