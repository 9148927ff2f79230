/** Shows the sign-in form, or the header and the view that the address names. */

import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { OrderPage } from "./order/OrderPage.tsx";
import { Opening } from "./session/Opening.tsx";
import { SignIn } from "./session/SignIn.tsx";
import { FailedView } from "./shell/FailedView.tsx";
import { Header } from "./shell/Header.tsx";
import { loadWhenOnline } from "./shell/load_when_online.ts";
import { OfflineBanner } from "./shell/OfflineBanner.tsx";
import { SkipLink } from "./shell/SkipLink.tsx";
import { UnknownPage } from "./shell/UnknownPage.tsx";
import { type Route, useRoute } from "./state/route.ts";
import { useSession, watchOtherTabs } from "./state/session.ts";
import { Skeleton } from "./ui/Skeleton.tsx";
import { StartPage } from "./upload/StartPage.tsx";

const laterViews = () => loadWhenOnline(() => import("./shell/later_views.ts"));
const JobsPage = lazy(async () => ({ default: (await laterViews()).JobsPage }));
const JobPage = lazy(async () => ({ default: (await laterViews()).JobPage }));
const WalletPage = lazy(async () => ({ default: (await laterViews()).WalletPage }));

export function App() {
  const session = useSession((state) => state.session);
  const client = useQueryClient();
  useEffect(() => watchOtherTabs(() => void client.resetQueries()), [client]);
  useEffect(() => {
    // Whoever signs in next must not see what the one before has loaded.
    if (session === "closed") client.clear();
  }, [session, client]);
  if (session === "unknown") return <Opening />;
  if (session === "closed") return <SignIn />;
  return <SignedIn />;
}

function SignedIn() {
  const route = useRoute();
  return (
    <>
      <SkipLink />
      <Header route={route} />
      <main id="main">
        <FailedView key={window.location.hash}>
          <Suspense fallback={<Skeleton height="60vh" />}>
            <View route={route} />
          </Suspense>
        </FailedView>
      </main>
      <OfflineBanner />
    </>
  );
}

function View({ route }: { route: Route }) {
  switch (route.view) {
    case "start":
      return <StartPage />;
    case "order":
      return <OrderPage uploadId={route.uploadId} />;
    case "jobs":
      return <JobsPage />;
    case "job":
      return <JobPage jobId={route.jobId} />;
    case "wallet":
      return <WalletPage />;
    case "unknown":
      return <UnknownPage />;
  }
}
