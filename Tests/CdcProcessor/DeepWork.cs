namespace AspireCdc.Tests.CdcProcessor;

/// <summary>Random statements over the tables of <see cref="Example.Deep"/>: few keys, references that are
/// set, moved and taken away.</summary>
internal sealed class DeepWork(Random random)
{
    private const int Keys = 12;

    public string Statement() => random.Next(24) switch
    {
        0 => $"INSERT INTO country VALUES ({Key()}, '{Word()}')",
        1 or 2 => $"INSERT INTO city VALUES ({Key()}, '{Word()}', {Key()})",
        3 or 4 => $"INSERT INTO address VALUES ({Key()}, {Maybe($"'{Word()}'")}, {Key()})",
        5 or 6 or 7 => $"INSERT INTO crm.person VALUES ({Key()}, '{Word()}', {Key()}, {Maybe(Key())}, {Maybe(Key())})",
        8 => $"INSERT INTO person VALUES ({Key()}, '{Word()}') ON CONFLICT (id) DO UPDATE SET note = excluded.note",
        9 => $"INSERT INTO film VALUES ({Key()}, '{Word()}')",
        10 or 11 =>
            $"INSERT INTO film_person SELECT f.id, p.id, '{Word()}' FROM film f, crm.person p WHERE f.id % 3 = {random.Next(3)} " +
            "ON CONFLICT DO NOTHING",
        12 or 13 => $"""
            INSERT INTO screening SELECT {random.Next(1, 40)}, h.film_id, h.person_id, g.film_id, g.person_id, {random.Next(1, 300)},
                {random.Next(1, 100_000) / 100m}
            FROM (SELECT * FROM film_person ORDER BY random() LIMIT 1) h
                LEFT JOIN (SELECT * FROM film_person ORDER BY random() LIMIT 1) g ON random() < 0.6
            """,
        14 => $"UPDATE country SET name = '{Word()}' WHERE id = {Key()}",
        15 => $"UPDATE city SET name = '{Word()}', country_id = {Key()} WHERE id = {Key()}",
        16 => $"UPDATE address SET street = {Maybe($"'{Word()}'")}, city_id = {Key()} WHERE id = {Key()}",
        17 => $"UPDATE crm.person SET name = {LongOrShort()}, billing_address_id = {Maybe(Key())} WHERE id = {Key()}",
        18 => $"UPDATE crm.person SET manager_id = {Maybe(Key())}, address_id = {Key()} WHERE id = {Key()}",
        19 => $"UPDATE crm.person SET id = {Key()} WHERE id = {Key()}",
        20 => "UPDATE screening SET (guest_film_id, guest_person_id) = (SELECT film_id, person_id FROM film_person WHERE random() < " +
            $"0.5 LIMIT 1), seats = seats + 1 WHERE id % 4 = {random.Next(4)}",
        21 => $"DELETE FROM {new[] { "address", "crm.person", "film_person", "film", "person", "screening", "city" }[random.Next(7)]} " +
            $"WHERE {(random.Next(2) == 0 ? "true" : "false")} AND random() < 0.1",
        22 => $"UPDATE film SET id = {Key()}, title = '{Word()}' WHERE id = {Key()}",
        _ => random.Next(8) == 0 ? new[] { "TRUNCATE screening", "TRUNCATE film CASCADE", "TRUNCATE crm.person CASCADE" }[random.Next(3)]
            : $"DELETE FROM crm.person WHERE id = {Key()}",
    };

    private string Key() => random.Next(1, Keys + 1).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private string Maybe(string value) => random.Next(3) == 0 ? "NULL" : value;

    private string Word() => new[] { "alpha", "Bern", "Ünïcode", "back\\slash", "quo''te", "new\nline", "" }[random.Next(7)];

    private string LongOrShort() => random.Next(3) == 0 ? $"repeat('{Word()}x', {random.Next(1000, 3000)})" : $"name || '{Word()}'";
}
