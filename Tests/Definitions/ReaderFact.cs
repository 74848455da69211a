using System.Linq.Expressions;
using AspireCdc.Star;
using Microsoft.EntityFrameworkCore;

namespace AspireCdc.Tests.Definitions;

/// <summary>An expression of every kind that is translated.</summary>
internal sealed record ReaderFact : IFact<Reader, ReaderFact>
{
    private static readonly int Seven = int.Parse("7");

    // Members, over every kind of foreign key.
    public required int Id { get; init; }
    public required string Name { get; init; }
    public required string Padded { get; init; }
    public string? Nick { get; init; }
    public required string HomeName { get; init; }
    public string? WorkName { get; init; }
    public decimal? WorkArea { get; init; }
    public string? MentorName { get; init; }
    public string? MentorOfMentor { get; init; }
    public string? MentorWork { get; init; }
    public required Kind Kind { get; init; }
    public required Kind Rank { get; init; }
    [Category] public required string CategoryOfName { get; init; }
    [Precision(18, 4)] public decimal? WideLimit { get; init; }

    // Numbers.
    public required long Sum { get; init; }
    public required long Product { get; init; }
    public required long Difference { get; init; }
    public required long Negated { get; init; }
    public required int Quotient { get; init; }
    public int? QuotientOrNull { get; init; }
    public required int Remainder { get; init; }
    public required long Captured { get; init; }
    public int? BonusInRange { get; init; }
    public required decimal MoneySum { get; init; }
    [Precision(38, 4)] public required decimal MoneyProduct { get; init; }
    public required decimal Percent { get; init; }
    public decimal? Mixed { get; init; }
    public decimal? WithInteger { get; init; }
    public required decimal Rounded { get; init; }
    public required decimal Floored { get; init; }
    public required decimal Ceiled { get; init; }
    public required int Whole { get; init; }
    public required double Doubled { get; init; }
    public double? Divided { get; init; }
    public required double FromMoney { get; init; }
    public required double Heavier { get; init; }
    public required double Absolute { get; init; }
    public required long AbsoluteScore { get; init; }
    public required int Least { get; init; }
    public required decimal Greatest { get; init; }
    public double? HalfToEven { get; init; }

    // Conditions.
    public required bool IsHigh { get; init; }
    public required bool Both { get; init; }
    public required bool Either { get; init; }
    public required bool Not { get; init; }
    public required bool SameNick { get; init; }
    public required bool BonusIsFive { get; init; }
    public required bool BonusIsNotFive { get; init; }
    public required bool HasBonus { get; init; }
    public required bool IsVip { get; init; }
    public required bool HasNick { get; init; }
    public required bool IsAdult { get; init; }
    public required bool RankIsSenior { get; init; }
    public required bool IsPadded { get; init; }
    public required bool MentorIsActive { get; init; }
    public required string Size { get; init; }
    public required string MentorSize { get; init; }
    public required int Chosen { get; init; }
    public decimal? ChosenMoney { get; init; }
    public required int BonusOrScore { get; init; }
    public required int BonusOrNothing { get; init; }
    public required string NickOrName { get; init; }
    public int? Value { get; init; }

    // Text.
    public required string Full { get; init; }
    public required string Interpolated { get; init; }
    public required int Length { get; init; }
    public required string Upper { get; init; }
    public required string Lower { get; init; }
    public required string Trimmed { get; init; }
    public required string Part { get; init; }
    public required string Rest { get; init; }
    public required bool Contains { get; init; }
    public required bool Starts { get; init; }
    public required bool Ends { get; init; }
    public required bool ContainsOther { get; init; }
    public required string Replaced { get; init; }
    public required bool IsEmpty { get; init; }
    public required bool IsBlank { get; init; }
    public required int Index { get; init; }
    public required string Number { get; init; }
    public required string Key { get; init; }
    public required string PaddedText { get; init; }

    // Times.
    public required int Year { get; init; }
    public required int Month { get; init; }
    public required int Day { get; init; }
    public required int Hour { get; init; }
    public required int Minute { get; init; }
    public required DateTime Date { get; init; }
    public required int DayOfWeek { get; init; }
    public required int DayOfYear { get; init; }
    public required DateTime Tomorrow { get; init; }
    public required DateTime Later { get; init; }
    public required bool IsRecent { get; init; }
    public int? BornIn { get; init; }
    public required DateOnly SeenOn { get; init; }
    public DateTime? Parted { get; init; }

    public static Expression<Func<Reader, ReaderFact>> Row => reader => new()
    {
        Id = reader.Id,
        Name = reader.Name,
        Padded = reader.Padded,
        Nick = reader.Nick,
        HomeName = reader.Home.Name,
        WorkName = reader.Work!.Name,
        WorkArea = reader.Work.Area,
        MentorName = reader.Mentor!.Name,
        MentorOfMentor = reader.Mentor.Mentor!.Name,
        MentorWork = reader.Mentor.Work!.Name,
        Kind = reader.Kind,
        Rank = reader.Rank,
        CategoryOfName = reader.Name,
        WideLimit = reader.Limit,

        Sum = (long)reader.Score + reader.Level,
        Product = (long)reader.Score * reader.Level,
        Difference = (long)reader.Score - reader.Level,
        Negated = -(long)reader.Score,
        Quotient = reader.Score / 7,
        QuotientOrNull = reader.Score / reader.Bonus,
        Remainder = reader.Score % 7,
        Captured = (long)reader.Score + Seven,
        BonusInRange = reader.Bonus,
        MoneySum = reader.Balance + 1.5m,
        MoneyProduct = reader.Balance * reader.Balance,
        Percent = reader.Balance / 100m,
        Mixed = reader.Balance - reader.Limit,
        WithInteger = reader.Score * reader.Limit,
        Rounded = Math.Round(reader.Balance, 1),
        Floored = Math.Floor(reader.Balance),
        Ceiled = Math.Ceiling(reader.Balance),
        Whole = (int)Math.Floor(reader.Balance / 10000m),
        Doubled = reader.Ratio * 2,
        Divided = reader.Ratio / reader.Spread,
        FromMoney = (double)reader.Balance + reader.Ratio,
        Heavier = (double)reader.Weight * 1.1,
        Absolute = Math.Abs(reader.Ratio),
        AbsoluteScore = Math.Abs((long)reader.Score),
        Least = Math.Min(reader.Score, reader.Level),
        Greatest = Math.Max(reader.Balance, 10.125m),
        HalfToEven = Math.Round(reader.Ratio),

        IsHigh = reader.Score > 100,
        Both = reader.Active && reader.Score >= 0,
        Either = reader.Active || reader.Level < 3,
        Not = !reader.Active,
        SameNick = reader.Nick == reader.Mentor.Nick,
        BonusIsFive = reader.Bonus == 5,
        BonusIsNotFive = reader.Bonus != 5,
        HasBonus = reader.Bonus.HasValue,
        IsVip = reader.Vip == true,
        HasNick = reader.Nick != null,
        IsAdult = reader.Kind == Kind.Adult,
        RankIsSenior = reader.Rank == Kind.Senior,
        IsPadded = reader.Padded == "ab",
        MentorIsActive = reader.Mentor.Active == true,
        Size = reader.Score > 100 ? "large" : reader.Bonus > 3 ? "medium" : "small",
        MentorSize = reader.Mentor.Score > 10 ? "large" : "small",
        Chosen = reader.Active ? reader.Score : reader.Level,
        ChosenMoney = reader.Active ? reader.Balance : reader.Limit,
        BonusOrScore = reader.Bonus ?? reader.Score,
        BonusOrNothing = reader.Bonus.GetValueOrDefault(),
        NickOrName = reader.Nick ?? reader.Name,
        Value = reader.Bonus!.Value,

        Full = reader.Name + " (" + reader.Nick + ")",
        Interpolated = $"{reader.Id}: {reader.Name}, {reader.Balance} {{{reader.Nick}}}",
        Length = reader.Name.Length,
        Upper = reader.Name.ToUpper(),
        Lower = reader.Name.ToLower(),
        Trimmed = reader.Name.Trim(),
        Part = reader.Name.Substring(1, 3),
        Rest = reader.Name.Substring(2),
        Contains = reader.Name.Contains("a%"),
        Starts = reader.Name.StartsWith("ab"),
        Ends = reader.Name.EndsWith("z_"),
        ContainsOther = reader.Name.Contains(reader.HomeCountry),
        Replaced = reader.Name.Replace("a", "<>"),
        IsEmpty = string.IsNullOrEmpty(reader.Nick),
        IsBlank = string.IsNullOrWhiteSpace(reader.Nick),
        Index = reader.Name.IndexOf("b"),
        Number = reader.Score.ToString(),
        Key = reader.Code.ToString(),
        PaddedText = reader.Padded + "|",

        Year = reader.Seen.Year,
        Month = reader.Seen.Month,
        Day = reader.Seen.Day,
        Hour = reader.Seen.Hour,
        Minute = reader.Seen.Minute,
        Date = reader.Seen.Date,
        DayOfWeek = (int)reader.Seen.DayOfWeek,
        DayOfYear = reader.Seen.DayOfYear,
        Tomorrow = reader.Seen.AddDays(1),
        Later = reader.Seen.AddHours(-5).AddMinutes(90),
        IsRecent = reader.Seen > new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc),
        BornIn = reader.Born!.Value.Year,
        SeenOn = DateOnly.FromDateTime(reader.Seen),
        Parted = reader.Parted,
    };
}
