/* Looks at every line of a genotype file once, and stops at those that need more than counting; called by lines.py.

   The text is a run of whole lines, the last of them ended by a newline too. Nothing is allocated, written but the
   state, or read beyond the text: within a line every look ahead ends at the line's own newline. */

#include <stdint.h>
#include <stdbool.h>
#include <string.h>

enum { CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, FORMAT, SAMPLE, COLUMNS };

/* Why a line needs a look; the same numbers as in lines.py. */
enum {
    WANTED = 1 << 0,              /* overlaps a wanted interval */
    FIRST_LINES = 1 << 1,         /* one of those that are read in full */
    SAME_POSITION = 1 << 2,       /* begins where the line before it begins */
    POSITION_FALLS = 1 << 3,      /* begins before the line before it */
    POSITION_ZERO = 1 << 4,
    LENGTH_ELSEWHERE = 1 << 5,    /* its last base is not told by REF or one END */
    GENOTYPE_ELSEWHERE = 1 << 6,  /* FORMAT does not begin with GT */
    NEW_CHROMOSOME = 1 << 7,      /* not read yet: the state must be told what it needs of the chromosome first */
    BAD_COLUMNS = 1 << 8,         /* the rest are errors */
    TOO_LONG = 1 << 9,
    BAD_POSITION = 1 << 10,
    BAD_END = 1 << 11,
    BAD_GENOTYPE = 1 << 12,
    BEHIND_CHROMOSOME = 1 << 13,
};

enum { OTHER, AUTOSOME, X, Y, MITOCHONDRION, KINDS };

/* In the order of COUNTS in lines.py; first the lines of each kind of chromosome. */
enum {
    RECORDS = KINDS, FILTERED, REFERENCE_BLOCKS, EXPLICIT_REFERENCE, NO_CALLS, HALF_CALLS, HETEROZYGOUS,
    HOMOZYGOUS_ALTERNATE, TRANSITIONS, TRANSVERSIONS, X_HETEROZYGOUS, X_HOMOZYGOUS_ALTERNATE, X_HAPLOID, Y_CALLED,
    KNOWN_HERE, KNOWN_ELSEWHERE, COUNTS
};

enum { SHARED = 2 };  /* pseudo-autosomal regions of one chromosome */

/* Single-base sites of one chromosome in one build, by position, each once. */
typedef struct {
    int64_t count, next;
    const int64_t *positions;
    const uint8_t *references, *alternates;  /* a letter; one bit for each other base */
} Sites;

typedef struct {
    /* Of the file. */
    int64_t longest_line, checked_before, lengths_in_format;
    int64_t counts[COUNTS];
    /* Of the chromosome; the wanted intervals are sorted and disjoint. */
    int64_t kind, length, wanted_count, next_wanted;
    const int64_t *wanted_starts, *wanted_ends;
    int64_t shared_starts[SHARED], shared_ends[SHARED];
    Sites known_here, known_elsewhere;  /* in the header's build, and in the other one */
    /* Of the place in the text: the next line and its number in the file; the line that was read; where the line before
       that starts. -1 where there is none in this text. */
    int64_t at, number, start, stop, before;
    int64_t name, name_length;  /* CHROM of the lines that are being read; length -1 at the start of a text */
    int64_t position, end;
} Scan;

typedef uint8_t Block __attribute__((vector_size(64)));
typedef _Bool Bits __attribute__((ext_vector_type(64)));

/* One bit for each of up to 64 bytes: whether it is a tab, a newline or a control character before them. */
static uint64_t separators(const uint8_t *text, int64_t left) {
    Block block;
    if (left >= (int64_t)sizeof block) {
        memcpy(&block, text, sizeof block);
    } else {
        memset(&block, 'x', sizeof block);
        memcpy(&block, text, (size_t)left);
    }
    return __builtin_bit_cast(uint64_t, __builtin_convertvector(block <= '\n', Bits));
}

static bool is_digit(uint8_t code) { return (uint8_t)(code - '0') <= 9; }

static bool begins_with(const uint8_t *text, const char *prefix) {
    while (*prefix)
        if (*text++ != (uint8_t)*prefix++) return false;
    return true;
}

/* The number that one to nine digits up to `stop` spell, or -1. */
static int64_t whole_number(const uint8_t *text, const uint8_t *stop) {
    if (stop <= text || stop - text > 9) return -1;
    int64_t value = 0;
    for (; text < stop; text++) {
        if (!is_digit(*text)) return -1;
        value = value * 10 + (*text - '0');
    }
    return value;
}

/* Finds END of a record without sequence alleles alone; returns what is to be said of the line. */
static int64_t read_end(Scan *scan, const uint8_t *info, const uint8_t *stop, bool *has_end) {
    bool elsewhere = scan->lengths_in_format;
    while (info < stop) {
        const uint8_t *next = memchr(info, ';', (size_t)(stop - info));
        if (!next) next = stop;
        if (begins_with(info, "END")) {
            if (info + 3 == next) return LENGTH_ELSEWHERE;
            if (info[3] == '=') {
                if (*has_end) return LENGTH_ELSEWHERE;
                *has_end = true;
                int64_t end = whole_number(info + 4, next);
                if (end < scan->position) return BAD_END;
                if (end > scan->end) scan->end = end;
            }
        } else if (begins_with(info, "SVLEN=")) {
            elsewhere = true;
        }
        info = next + 1;
    }
    return elsewhere && !*has_end ? LENGTH_ELSEWHERE : 0;
}

/* Index of the first of the sorted numbers that is not below the position; searched from that of the line before. */
static int64_t first_from(const int64_t *sorted, int64_t count, int64_t low, int64_t position) {
    int64_t high = count;
    if (low > 0 && sorted[low - 1] >= position) {  /* the lines are in no order */
        high = low;
        low = 0;
    } else {  /* most often it is the same one as for the line before, or one of the next */
        for (int step = 0; step < 8 && low < high; step++, low++)
            if (sorted[low] >= position) { high = low; break; }
    }
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sorted[middle] < position) low = middle + 1; else high = middle;
    }
    return low;
}

/* Whether the stretch of the line overlaps something wanted. */
static bool is_wanted(Scan *scan) {
    int64_t next = first_from(scan->wanted_ends, scan->wanted_count, scan->next_wanted, scan->position);
    scan->next_wanted = next;
    return next < scan->wanted_count && scan->wanted_starts[next] <= scan->end;
}

/* Whether the line begins at one of the sites, which then is `next`. */
static bool is_at_site(Sites *sites, int64_t position) {
    sites->next = first_from(sites->positions, sites->count, sites->next, position);
    return sites->next < sites->count && sites->positions[sites->next] == position;
}

/* The base as in the bits of a site's other bases; none for any other character. */
static int bit_of(uint8_t base) { return (base == 'A') | (base == 'C') << 1 | (base == 'G') << 2 | (base == 'T') << 3; }

/* Whether REF is the site's reference base, and the first of ALT another known base of it. */
static bool is_spelled(const Sites *sites, const uint8_t *ref, const uint8_t *alt) {
    return ref[0] == sites->references[sites->next] && ref[1] == '\t'
        && (bit_of(alt[0]) & sites->alternates[sites->next]) && (alt[1] == '\t' || alt[1] == ',');
}

/* Counts a line that spells a known site. Every look ahead stays in the line: an allele is read up to its tab. */
static void count_known(Scan *scan, const uint8_t *ref, const uint8_t *alt) {
    if (is_at_site(&scan->known_here, scan->position))
        scan->counts[KNOWN_HERE] += is_spelled(&scan->known_here, ref, alt);
    else if (is_at_site(&scan->known_elsewhere, scan->position))
        scan->counts[KNOWN_ELSEWHERE] += is_spelled(&scan->known_elsewhere, ref, alt);
}

static bool is_shared(const Scan *scan) {
    for (int region = 0; region < SHARED; region++)
        if (scan->shared_starts[region] <= scan->position && scan->position <= scan->shared_ends[region]) return true;
    return false;
}

/* Counts one line by its genotype, as far as one character an allele shows it; returns what is to be said of it. */
static int64_t count(Scan *scan, const uint8_t *text, const int64_t *ends, bool has_end) {
    const uint8_t *ref = text + ends[ID] + 1, *alt = text + ends[REF] + 1, *filter = text + ends[QUAL] + 1;
    const uint8_t *format = text + ends[INFO] + 1, *sample = text + ends[FORMAT] + 1;
    const int64_t width = ends[SAMPLE] - ends[FORMAT] - 1;
    int64_t *counts = scan->counts;

    bool passing = begins_with(filter, "PASS\t") || begins_with(filter, ".\t");
    bool block = begins_with(alt, "<NON_REF") || begins_with(alt, "<*>\t") || (has_end && begins_with(alt, ".\t"));
    counts[RECORDS]++;
    counts[scan->kind]++;
    counts[FILTERED] += !passing;
    counts[REFERENCE_BLOCKS] += block;
    if (!begins_with(format, "GT:") && !begins_with(format, "GT\t")) return GENOTYPE_ELSEWHERE;

    uint8_t one = sample[0];
    uint8_t separator = width > 0 ? sample[1] : '\n', two = width > 1 ? sample[2] : '\n';
    uint8_t behind = width > 2 ? sample[3] : '\n';
    bool known_one = is_digit(one), known_two = is_digit(two);
    bool parted = separator == '/' || separator == '|', over = separator == ':' || separator == '\n';
    bool plain = (known_one || one == '.') && (over || (parted && (known_two || two == '.')));
    bool longer = known_one && is_digit(separator);
    bool prefixed = (one == '/' || one == '|') && (is_digit(separator) || separator == '.');
    if (!plain && !longer && !prefixed) return BAD_GENOTYPE;

    bool diploid = parted && (behind == ':' || behind == '\n'), called = diploid && known_one && known_two;
    bool heterozygous = called && one != two, alternate = called && one == two && one != '0';
    bool haploid = over && known_one;
    bool reference = one == '0' && (haploid || (called && two == '0'));
    counts[EXPLICIT_REFERENCE] += reference && !block;
    counts[NO_CALLS] += one == '.' && (over || (diploid && two == '.'));
    counts[HALF_CALLS] += diploid && known_one != known_two;
    if (!passing) return 0;

    counts[HETEROZYGOUS] += heterozygous;
    counts[HOMOZYGOUS_ALTERNATE] += alternate;
    if ((heterozygous || alternate) && ref[1] == '\t' && (alt[1] == '\t' || alt[1] == ',')) {
        /* The bases that differ tell the kind by their difference in bits alone; no other letter gives the same. */
        int change = ref[0] ^ alt[0];
        counts[TRANSITIONS] += change == ('A' ^ 'G') || change == ('C' ^ 'T');
        counts[TRANSVERSIONS] +=
            change == ('A' ^ 'C') || change == ('A' ^ 'T') || change == ('G' ^ 'C') || change == ('G' ^ 'T');
    }
    if (scan->kind == X && !is_shared(scan)) {
        counts[X_HETEROZYGOUS] += heterozygous;
        counts[X_HOMOZYGOUS_ALTERNATE] += alternate;
        counts[X_HAPLOID] += haploid;
    } else if (scan->kind == Y && !is_shared(scan)) {
        counts[Y_CALLED] += heterozygous || alternate || (haploid && !reference);
    }
    return 0;
}

/* Reads lines up to one that needs a look; returns why, or 0 at the end of the text. */
int64_t scan_lines(Scan *scan, const uint8_t *text, int64_t length) {
    int64_t base = scan->at, ends[COLUMNS];
    uint64_t found = base < length ? separators(text + base, length - base) : 0;
    while (scan->at < length) {
        const int64_t start = scan->at;
        for (int column = 0; column < COLUMNS; column++) {
            /* Ends at the last newline of the text at the latest: it is in the wrong place, or ends the line. */
            while (!found) {
                base += 64;
                found = separators(text + base, length - base);
            }
            ends[column] = base + __builtin_ctzll(found);
            found &= found - 1;
            if (text[ends[column]] != (column < SAMPLE ? '\t' : '\n')) return BAD_COLUMNS;
        }
        const int64_t name_length = ends[CHROM] - start;
        if (name_length != scan->name_length || memcmp(text + start, text + scan->name, (size_t)name_length)) {
            scan->name = start;
            scan->name_length = name_length;
            return NEW_CHROMOSOME;
        }
        const int64_t last = scan->position;
        scan->before = scan->start;
        scan->start = start;
        scan->stop = ends[SAMPLE];
        scan->at = scan->stop + 1;
        const int64_t number = scan->number++;
        if (scan->stop - start > scan->longest_line) return TOO_LONG;

        scan->position = whole_number(text + ends[CHROM] + 1, text + ends[POS]);
        if (scan->position < 0) return BAD_POSITION;
        if (scan->position > scan->length) return BEHIND_CHROMOSOME;
        scan->end = scan->position + (ends[REF] - ends[ID] - 1) - 1;

        int64_t why = 0;
        bool has_end = false;
        const uint8_t *alt = text + ends[REF] + 1;
        const size_t alt_width = (size_t)(ends[ALT] - ends[REF] - 1);
        if ((alt_width == 1 && *alt == '.') || memchr(alt, '<', alt_width))
            why |= read_end(scan, text + ends[FILTER] + 1, text + ends[INFO], &has_end);
        why |= count(scan, text, ends, has_end);
        count_known(scan, text + ends[ID] + 1, alt);
        if (scan->position == last) why |= SAME_POSITION;
        if (scan->position < last) why |= POSITION_FALLS;
        if (scan->position == 0) why |= POSITION_ZERO;
        if (scan->kind != OTHER) {
            if (number < scan->checked_before) why |= FIRST_LINES;
            if (!(why & LENGTH_ELSEWHERE) && is_wanted(scan)) why |= WANTED;
        }
        if (why) return why;
    }
    return 0;
}
