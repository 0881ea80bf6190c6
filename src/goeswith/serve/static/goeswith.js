// Shows what goes with a product:
//
//   <div data-goeswith="pasta" data-n="4" data-base="/goeswith"></div>
//   <script src="/goeswith/v1/goeswith.js" defer></script>
//
// data-base is a path of the shop's own site that its web server forwards to the service, adding the key on the way:
// a key must not stand in a page. Names are written as text, never as HTML. Each product gets a link to data-link
// (default "/products/{id}"), and the event "goeswith:shown" tells the page what was shown.
(function () {
  "use strict";

  function shown(box, answer) {
    var list = document.createElement("ul");
    list.className = "goeswith";
    answer.products.forEach(function (product) {
      var item = document.createElement("li");
      var link = document.createElement("a");
      var to = box.getAttribute("data-link") || "/products/{id}";
      link.href = to.replace("{id}", encodeURIComponent(product.product_id));
      link.textContent = product.name || String(product.product_id);
      item.appendChild(link);
      list.appendChild(item);
    });
    box.replaceChildren(list);
    box.dispatchEvent(new CustomEvent("goeswith:shown", { bubbles: true, detail: answer }));
  }

  function ask(box) {
    var query = new URLSearchParams({ product: box.getAttribute("data-goeswith"), n: box.getAttribute("data-n") || "4" });
    ["customer", "filter", "kind"].forEach(function (name) {
      var value = box.getAttribute("data-" + name);
      if (value) query.set(name, value);
    });
    return fetch((box.getAttribute("data-base") || "") + "/v1/related?" + query, { credentials: "same-origin" })
      .then(function (response) {
        if (!response.ok) throw new Error("goeswith answered " + response.status);
        return response.json();
      })
      .then(function (answer) { shown(box, answer); })
      .catch(function () { box.hidden = true; });  // a page of a shop goes on without it
  }

  document.querySelectorAll("[data-goeswith]").forEach(ask);
})();
