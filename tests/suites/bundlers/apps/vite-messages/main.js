import "../main-messages.js";
