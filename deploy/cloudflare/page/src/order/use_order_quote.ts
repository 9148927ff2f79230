/** Asks for the quote of what is set up, shortly after each change, and notices if its price changes by itself. */

import { useEffect, useState } from "react";
import { ApiFailure, type Quote } from "../api/client.ts";
import { type QuoteOrder, useQuote } from "../api/queries.ts";
import { priceChangeText } from "../text/quote_text.ts";
import { refusedParam, requestErrorText } from "../text/request_errors.ts";
import { useSettled } from "./use_settled.ts";

/** How long nothing must change before the quote is asked for, in milliseconds. */
const DELAY_MS = 350;

export interface OrderQuote {
  /** The last quote; undefined before the first. */
  quote: Quote | undefined;
  /** Whether `quote` is not yet that of what is set up now. */
  isAsking: boolean;
  /** Why there is no quote, in words; null if there is one. */
  problem: string | null;
  /** The field of the job that the problem is about, such as `confidence`; null if it is about none. */
  refusedParam: string | null;
  /** Whether the same question may be answered later. */
  canAskAgain: boolean;
  /** How the price of the same job has changed since it was shown first, in words; null if it has not. */
  change: string | null;
  /** Asks for a new quote. */
  renew: () => void;
}

/** @param order null if nothing can be asked yet. */
export function useOrderQuote(order: QuoteOrder | null): OrderQuote {
  const key = JSON.stringify(order);
  const { value: settled, isSettled } = useSettled(order, key, DELAY_MS);
  const { data, error, isPlaceholderData, isPending, refetch } = useQuote(settled);
  const isCurrent = isSettled && order !== null && !isPlaceholderData;
  const quote = data;
  const [first, setFirst] = useState<{ key: string; quote: Quote } | null>(null);
  useEffect(() => {
    if (isCurrent && quote !== undefined && first?.key !== key) setFirst({ key, quote });
  }, [isCurrent, quote, first, key]);
  const isSame = isCurrent && quote !== undefined && first?.key === key;
  return {
    quote,
    isAsking: !isCurrent || isPending,
    problem: isSettled && error !== null ? requestErrorText(error) : null,
    refusedParam: isSettled && error !== null ? refusedParam(error) : null,
    canAskAgain: error instanceof ApiFailure && error.retryable,
    change: isSame ? priceChangeText(first.quote, quote) : null,
    renew: () => void refetch(),
  };
}
