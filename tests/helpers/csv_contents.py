"""Contents of CSV files as programs write them, and random contents."""

import gzip

from hypothesis import strategies as st


def build_rows(*columns):
    """Build the text of rows with these columns."""
    return "".join(",".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


CASES = {
    "plain": "a,b,y\n1,2,no\n3,4,yes\n",
    "semicolons": 'a;"b, c";y\n1.5;2;no\n2;3;yes\n',
    "tabs": "a\tb\ty\n1\t2\tno\n3\t4\tyes\n",
    "vertical bars": "a|b|y\n1|2|no\n3|4|yes\n",
    "comments": "# source\n# 2024\na,b,y\n1,2,no\n3,4,yes\n",
    "Excel's first line": "sep=;\na;b;y\n1;2;no\n3;4;yes\n",
    "row numbers": ",a,b,y\n0,1,2,no\n1,3,4,yes\n",
    "row names": '"","a","b","y"\n"r1",1,2,"no"\n"r2",3,4,"yes"\n',
    "delimiters at the ends": "a,b,y,\n1,2,no,\n3,4,yes,\n",
    "empty column": "a,,b,y\n1,,2,no\n3,,4,yes\n",
    "words": "a,sex,smoker,y\n1,True,no,0.5\n2,FALSE,yes,1.5\n",
    "Korean": "나이,체중,등급\n1,2,합격\n3,4,불합격\n".encode("cp949"),
    "Japanese": "身長,体重,y\n1,2,男子\n3,4,女子\n".encode("cp932"),
    "French": "âge,durée,y\n1,2,été\n3,4,hiver\n".encode("cp1252"),
    "UTF-16": "a;b;y\n1;2;no\n3;4;yes\n".encode("utf-16"),
    "gzip": gzip.compress(b"a,b,y\n1,2,no\n3,4,yes\n"),
    "carriage returns": "a,b,y\r1,2,no\r3,4,yes\r",
    "many whole numbers": "a,y\n" + build_rows(range(60), [*range(100, 690, 10), 100]),
    "few whole numbers": "a,quality\n" + build_rows(range(60), [3, 4, 5, 6, 7, 8] * 10),
    "signs": "a,y\n1,-\n2,+\n3,-\n",
}


ANY_CELLS = st.sampled_from(
    ["1", "2.5", "-3", "1,200", '"1,200"', "$5", "5%", "NA", "?", "-", "", " ", "yes", "no", "True", "f", "x", "가",
     "é", '"a""b"', '"', "#", "sep=;", "nan", "inf", "1e40", "1_0", "0", "\r", "\n", "\0", "label", "y", ";", "\t", "|"]
)  # fmt: skip
ANY_LINES = st.lists(
    st.tuples(st.lists(ANY_CELLS, min_size=1, max_size=5), st.sampled_from([",", ";", "\t", "|"])), max_size=7
)
ANY_TEXT = ANY_LINES.map(lambda lines: "\n".join(delimiter.join(cells) for cells, delimiter in lines))
ANY_CONTENT = st.one_of(
    st.binary(max_size=60),
    st.tuples(ANY_TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp949", "cp1252"])).map(
        lambda pair: pair[0].encode(pair[1], "replace")
    ),
    ANY_TEXT.map(lambda text: gzip.compress(text.encode())),
    st.builds(
        lambda content, at, change: content[:at] + change + content[at + 1 :],
        st.sampled_from([text if isinstance(text, bytes) else text.encode() for text in CASES.values()]),
        st.integers(0, 200),
        st.binary(max_size=3),
    ),
)
