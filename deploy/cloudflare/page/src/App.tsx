/** Shows the sign-in form, or the header and the view that the address names. */

import { ApiFailure } from "./api/client.ts";
import { useWallet } from "./api/queries.ts";
import { JobsPage } from "./history/JobsPage.tsx";
import { JobPage } from "./job/JobPage.tsx";
import { OrderPage } from "./order/OrderPage.tsx";
import { SignIn } from "./session/SignIn.tsx";
import { Header } from "./shell/Header.tsx";
import { type Route, useRoute } from "./state/route.ts";
import { StartPage } from "./upload/StartPage.tsx";
import { WalletPage } from "./wallet/WalletPage.tsx";

export function App() {
  const route = useRoute();
  const wallet = useWallet();
  if (wallet.error instanceof ApiFailure && wallet.error.status === 401) return <SignIn />;
  return (
    <>
      <Header />
      <main id="main">
        <View route={route} />
      </main>
    </>
  );
}

function View({ route }: { route: Route }) {
  switch (route.view) {
    case "start":
      return <StartPage />;
    case "order":
      return <OrderPage key={route.uploadId} uploadId={route.uploadId} />;
    case "jobs":
      return <JobsPage />;
    case "job":
      return <JobPage key={route.jobId} jobId={route.jobId} />;
    case "wallet":
      return <WalletPage />;
    case "unknown":
      return <p>There is no such page.</p>;
  }
}
