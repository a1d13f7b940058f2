/* SPDX-License-Identifier: BSD-2-Clause */
/* IMF-fixdate (RFC 9110 5.6.7) without libc's time zones and locale. */
#include "http/private.h"

#define DAY_SECONDS 86400
#define YEAR_9999_END UINT64_C(253402300799)

static void put_digits(char *out, unsigned count, unsigned value) {
	for (; count; value /= 10)
		out[--count] = (char)('0' + value % 10);
}

void http_format_date(char out[HTTP_DATE_BYTES], uint64_t unix_seconds) {
	static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	/* A date has four digits for the year; what is later stays at its end. */
	uint64_t t = unix_seconds < YEAR_9999_END ? unix_seconds : YEAR_9999_END;
	unsigned day = (unsigned)(t / DAY_SECONDS), second = (unsigned)(t % DAY_SECONDS);
	/* Years that begin in March have their leap day last; 719468 days lie between 0000-03-01 and 1970-01-01, and 400 years,
	 * an era, are 146097 days. */
	unsigned z = day + 719468, era = z / 146097, of_era = z % 146097;
	unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * of_year + 2) / 153;
	unsigned month = march_month < 10 ? march_month + 2 : march_month - 10; /* 0: January */
	unsigned year = era * 400 + year_of_era + (month < 2);

	memcpy(out, "Ddd, 00 Mmm 0000 00:00:00 GMT", HTTP_DATE_BYTES);
	memcpy(out, days + day % 7 * 3, 3);
	put_digits(out + 5, 2, of_year - (153 * march_month + 2) / 5 + 1);
	memcpy(out + 8, months + month * 3, 3);
	put_digits(out + 12, 4, year);
	put_digits(out + 17, 2, second / 3600);
	put_digits(out + 20, 2, second / 60 % 60);
	put_digits(out + 23, 2, second % 60);
}
