// Begins Swagger UI on the page /docs: a file of its own, since that page runs no script that stands in it.
"use strict";
window.addEventListener("load", () => {
  const place = document.getElementById("description");
  window.SwaggerUIBundle({
    url: place.dataset.url,
    domNode: place,
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [window.SwaggerUIBundle.presets.apis],
    requestInterceptor: (request) => {
      request.credentials = "same-origin";
      return request;
    },
  });
});
