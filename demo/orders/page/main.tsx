// The shop's page: orders, stock and sales, the commands of the processes, and the job of a rebuild.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ShopPage } from "./shop-page.tsx";

const element = document.querySelector("#root");
if (!element) throw new Error("index.html has no #root");
createRoot(element).render(
  <StrictMode>
    <ShopPage />
  </StrictMode>,
);
