/** The views that are not needed before the first job; they are loaded together. */

export { JobsPage } from "../history/JobsPage.tsx";
export { JobPage } from "../job/JobPage.tsx";
export { WalletPage } from "../wallet/WalletPage.tsx";
