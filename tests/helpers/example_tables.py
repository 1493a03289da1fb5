"""Tables in the shapes in which people have them: categories, gaps, dates, identifiers, and several delimiters.

The values are random. The shapes are those of well-known tables, such as passengers with names and empty cabins.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

Row = list[Any]


@dataclass(frozen=True)
class ExampleTable:
    """Shape of a table: its header, target and rows."""

    header: str
    target: str
    write_rows: Callable[[Random], Iterator[Row]]
    rows: int = 300
    delimiter: str = ","

    @property
    def is_regression(self) -> bool:
        """Whether the target is a number."""
        return self.target in ("SalePrice", "count")

    def write(self, path: Path, seed: int = 1, rows: int | None = None) -> Path:
        """Write the table to a file and return its path."""
        random, text = Random(seed), io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter)
        writer.writerow(self.header.split("|"))
        numbered = zip(range(rows or self.rows), self.write_rows(random), strict=False)
        writer.writerows(row for _, row in numbered)
        path.write_text(text.getvalue(), encoding="utf-8")
        return path


def _write_passengers(random: Random) -> Iterator[Row]:
    """Yield passengers: names, tickets, gaps in age, and mostly empty cabins."""
    number = 0
    while True:
        number += 1
        sex, pclass = random.choice(["male", "female"]), random.choice([1, 2, 3])
        survived = random.random() < (0.75 if sex == "female" else 0.15) + (0.15 if pclass == 1 else 0)
        age = "" if random.random() < 0.2 else round(max(1.0, random.gauss(30, 12)), 1)
        cabin = "" if random.random() < 0.77 else f"C{random.randint(1, 120)}"
        fare, port = round(random.expovariate(1 / 30), 4), random.choice([*"SSSSSSCC", "Q", ""])
        name, ticket = f"Last{number}, Mr. First{number}", f"A/{random.randint(1000, 9999)}"
        relatives = [random.randint(0, 3), random.randint(0, 2)]
        yield [number, int(survived), pclass, name, sex, age, *relatives, ticket, fare, cabin, port]


def _write_houses(random: Random) -> Iterator[Row]:
    """Yield houses: `NA` for missing numbers and missing categories, and a price."""
    number = 0
    while True:
        number += 1
        area, quality, zone = random.randint(5000, 15000), random.randint(3, 10), random.choice(["RL", "RM", "FV"])
        hood = random.choice(["NAmes", "CollgCr", "OldTown", "Edwards", "Somerst"])
        frontage = "NA" if random.random() < 0.18 else random.randint(40, 120)
        price = 50_000 + 5 * area + 15_000 * quality + 20_000 * (hood == "CollgCr") + random.gauss(0, 9_000)
        alley = random.choice([*["NA"] * 20, "Grvl", "Pave"])
        yield [number, random.choice([20, 50, 60]), zone, frontage, area, alley, hood, quality, int(price)]


def _write_incomes(random: Random) -> Iterator[Row]:
    """Yield adults: a space before each text, and `?` for missing categories."""
    while True:
        education = random.choice(["Bachelors", "HS-grad", "Masters", "11th"])
        rich = random.random() < (0.7 if education in ("Masters", "Bachelors") else 0.15)
        work, job = random.choice(["Private", "?", "State-gov"]), random.choice(["Sales", "Tech", "?", "Managers"])
        texts = [f" {text}" for text in (work, education, job, random.choice(["Male", "Female"]))]
        gain, hours = random.choice([0, 0, 0, 5000]), random.randint(20, 60)
        yield [random.randint(17, 90), *texts, gain, hours, " >50K" if rich else " <=50K"]


def _write_wines(random: Random) -> Iterator[Row]:
    """Yield wines: numbers alone, between semicolons, and a quality of few whole numbers."""
    while True:
        alcohol = round(random.gauss(10, 1), 1)
        quality = min(7, max(4, round(alcohol / 2 + random.gauss(0.5, 0.5))))
        yield [round(random.gauss(7, 1), 1), round(random.gauss(0.5, 0.1), 3), alcohol, quality]


def _write_customers(random: Random) -> Iterator[Row]:
    """Yield customers: identifiers, Yes and No, and a blank among numbers."""
    while True:
        months, charge = random.randint(0, 72), round(random.uniform(20, 110), 2)
        contract = random.choice(["Month-to-month", "One year", "Two year"])
        left = random.random() < (0.7 if contract == "Month-to-month" else 0.15)
        total = " " if months == 0 else round(months * charge, 2)
        code = f"{random.randint(1000, 9999)}-{''.join(random.choices('ABCDEFGH', k=5))}"
        partner, gender = random.choice(["Yes", "No"]), random.choice(["Male", "Female"])
        yield [code, gender, random.choice([0, 1]), partner, months, contract, charge, total, "Yes" if left else "No"]


def _write_rentals(random: Random) -> Iterator[Row]:
    """Yield hours of bike rentals in the order of time, and a count."""
    moment = datetime(2011, 1, 1)
    while True:
        moment += timedelta(hours=5)
        warmth = round(random.gauss(15, 8), 2)
        rush = 100 * (moment.hour in (7, 8, 17, 18)) + 30 * (moment.weekday() < 5)
        count = max(0, round(100 + rush + 3 * warmth + random.gauss(0, 10)))
        yield [moment.strftime("%Y-%m-%d %H:%M:%S"), random.choice(["clear", "mist", "rain"]), warmth, count]


def _write_patients(random: Random) -> Iterator[Row]:
    """Yield two visits of each patient, with gaps in the measurements."""
    number = 0
    while True:
        smoker, sex, age = random.choice(["yes", "no"]), random.choice(["F", "M"]), random.randint(20, 80)
        sick = random.random() < (0.8 if smoker == "yes" else 0.2)
        for _ in range(2):
            bmi = "" if random.random() < 0.1 else round(random.gauss(27, 5), 1)
            pressure = "" if random.random() < 0.15 else random.randint(90, 180)
            yield [f"P{number:03}", age, sex, smoker, bmi, pressure, "sick" if sick else "healthy"]
        number += 1


EXAMPLE_TABLES = {
    "passengers": ExampleTable(
        "PassengerId|Survived|Pclass|Name|Sex|Age|SibSp|Parch|Ticket|Fare|Cabin|Embarked", "Survived", _write_passengers
    ),
    "houses": ExampleTable(
        "Id|MSSubClass|MSZoning|LotFrontage|LotArea|Alley|Neighborhood|OverallQual|SalePrice",
        "SalePrice",
        _write_houses,
    ),
    "incomes": ExampleTable(
        "age| workclass| education| occupation| sex| capital-gain| hours-per-week| income", "income", _write_incomes
    ),
    "wines": ExampleTable("fixed acidity|volatile acidity|alcohol|quality", "quality", _write_wines, delimiter=";"),
    "customers": ExampleTable(
        "customerID|gender|SeniorCitizen|Partner|tenure|Contract|MonthlyCharges|TotalCharges|Churn",
        "Churn",
        _write_customers,
    ),
    "rentals": ExampleTable("datetime|weather|temp|count", "count", _write_rentals),
    "patients": ExampleTable("patient|age|sex|smoker|bmi|pressure|diagnosis", "diagnosis", _write_patients, rows=150),
}
