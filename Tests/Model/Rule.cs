namespace AspireCdc.Tests.ModelChecking;

/// <summary>
/// The rules that a history can be run without. Each name states the rule; breaking it means doing the
/// plausible thing that its comment names.
/// </summary>
internal enum Rule
{
    /// <summary>Nothing is broken: no history may end wrong.</summary>
    None,

    // ---- versions and derivation
    // -------------------------------------------------------------------------------------------------------------

    /// <summary>Landing versions order by commit first. Broken: the record's LSN alone; an INSERT that waited for another
    /// transaction's DELETE has the lower one.</summary>
    LandingVersionHasTheCommit,

    /// <summary>… and by record second. Broken: the commit's LSN alone; changes of one transaction tie.</summary>
    LandingVersionHasTheRecord,

    /// <summary>Broken: a fact's version is the sum of its parts' versions; it falls when a reference moves to a younger part.</summary>
    StarVersionIsNoSum,

    /// <summary>Broken: the maximum of its parts' versions; parts of one maximum tie.</summary>
    StarVersionIsNoMaximum,

    /// <summary>Several readers: what points on comes before what it points to. Broken: all parents are summed; the sum falls when one of
    /// them points to a younger row.</summary>
    PartsThatPointComeFirst,

    /// <summary>Several readers: an optional part that is gone counts with the version of its tombstone. Broken: not at all, so that the
    /// fact without it looks older.</summary>
    MissingPartCounts,

    /// <summary>A row touches the facts that show it under any of its table's aliases. Broken: only under the first.</summary>
    EveryAliasIsFollowed,

    /// <summary>A fact that is derived anew follows the stream meanwhile. Broken: it is read at once and changed
    /// again only after the exchange.</summary>
    RebuildFollowsTheStream,

    /// <summary>What is derived anew stands below all that the stream brings next. Broken: at the end of the server's WAL, since
    /// that is where landing is read.</summary>
    RebuildStandsBelowWhatFollows,

    /// <summary>A fact that is derived whole is durable before that is recorded. Broken: it is recorded once it is applied.</summary>
    WholeFactIsDurable,

    /// <summary>
    /// Several readers: the table beside a fact takes its place by a statement that may run twice. Broken: EXCHANGE TABLES, which brings
    /// the old one back for the second reader, who drops the new one.
    /// </summary>
    ReplacingMayRunTwice,

    /// <summary>
    /// … and the fact is derived once more in its place before it counts. Broken: what another reader wrote to the table beside after it
    /// was cloned is lost.
    /// </summary>
    ReplacedFactIsDerivedInPlace,

    /// <summary>
    /// … after the table beside is gone, also where its reader died before it dropped it. Broken: it stays, and a slower reader puts it
    /// in the fact's place once more.
    /// </summary>
    TableBesideIsGoneFirst,

    /// <summary>
    /// A definition that comes back before another was whole is derived anew: the facts rested meanwhile. Broken: it is recorded as whole,
    /// so there is nothing to do.
    /// </summary>
    DefinitionThatComesBackIsDerivedAnew,

    /// <summary>
    /// What is recorded as whole is a table, by its identity: who starts and finds another derives it anew. Broken: it is the fact, and a
    /// replacing that comes late, of a reader that is dead, takes away what was written since.
    /// </summary>
    RecordNamesItsTable,

    /// <summary>… and a reader looks time and again whether its table is the same. Broken: only at its start.</summary>
    ReplacedTableIsNoticed,

    /// <summary>Land, then read, then derive. Broken: derive from what was there and the batch in memory, then land.</summary>
    LandThenReadThenDerive,

    /// <summary>
    /// One reader: facts of rows that the batch has brought are derived while these land, with what they point to as the batch has it.
    /// Broken: as it is read meanwhile.
    /// </summary>
    PartsOfTheBatchCount,

    /// <summary>
    /// … and as it is known from the batches before, of which none had a TRUNCATE or came from elsewhere than the stream. Broken: those
    /// leave what is known as it is.
    /// </summary>
    KnownPartsAreForgotten,

    /// <summary>
    /// A batch with a TRUNCATE is read again: it clears keys that the batch does not name, and rows that it has brought. Broken: the rows
    /// that it has brought count.
    /// </summary>
    BatchWithTruncateIsReadAgain,

    /// <summary>
    /// What a marker speaks of is read where the stream comes by it. Broken: the row that was retried is still known, so its fact is
    /// derived from it.
    /// </summary>
    RetriedRowIsReadAgain,

    /// <summary>
    /// One reader: a large batch lands first, and its own facts are derived from those landed rows that have its versions, of each key the
    /// newest of them. Broken: the oldest.
    /// </summary>
    NewestOfTheBatchCounts,

    /// <summary>
    /// … and what shows its rows without being in it is found by key. Broken: what is in it is all that is derived.
    /// </summary>
    OthersOfTheBatchAreFoundByKey,

    /// <summary>A retried dead letter's facts are derived when the stream delivers a marker. Broken: at once, at the
    /// dead letter's own version.</summary>
    RetryDerivesAtItsMarker,

    /// <summary>A copied table's facts are derived when the stream delivers a marker. Broken: at once, at the snapshot's version.</summary>
    ResyncDerivesAtItsMarker,

    /// <summary>A fact that does not show is written as a tombstone. Broken: it is not written.</summary>
    HiddenFactIsATombstone,

    /// <summary>TRUNCATE touches deleted keys, too. Broken: only live ones; a replay finds nothing to derive.</summary>
    TruncateTouchesDeletedKeys,

    /// <summary>An old key is deleted only if it differs from the new one. Broken: whenever an old key was sent.</summary>
    OldKeyIsDeletedOnlyIfItDiffers,

    /// <summary>The old key's delete is applied though the new row is a dead letter. Broken: all of the change waits.</summary>
    OldKeyIsDeletedDespiteADeadLetter,

    /// <summary>A deferrable key is refused at start. Broken: it is accepted, and two rows change places.</summary>
    KeysAreImmediatelyUnique,

    // ---- unchanged TOAST values
    // --------------------------------------------------------------------------------------------------------------

    /// <summary>An unchanged value is read from PostgreSQL. Broken: from landing.</summary>
    UnchangedValueIsNotReadFromLanding,

    /// <summary>… once its transaction is visible. Broken: at once; a commit stands in the stream before it is visible.</summary>
    UnchangedValueIsReadOnceVisible,

    /// <summary>A column absent from Kafka is filled from the row before, but not while the key has an open
    /// dead letter. Broken: it is.</summary>
    AbsentColumnIsNotFilledOverADeadLetter,

    /// <summary>An insert that lacks a column is a dead letter. Broken: it gets a default.</summary>
    AbsentColumnOfAnInsertIsADeadLetter,

    /// <summary>A message that landing already has still derives its facts. Broken: it is skipped altogether.</summary>
    SkippedMessageStillDerives,

    // ---- snapshot, resync, dead letters
    // ------------------------------------------------------------------------------------------------------

    /// <summary>An interrupted initial copy keeps its slot. Broken: it starts anew with a new one, and what was deleted in
    /// between is never heard of.</summary>
    InterruptedCopyKeepsItsSlot,

    /// <summary>A range's transaction stays open until its rows are landed. Broken: it ends once they are read, and a
    /// TRUNCATE passes in between.</summary>
    RangeStaysOpenUntilLanded,

    /// <summary>
    /// A copy that a crash interrupts goes on with the ranges that are left, read by another snapshot, under its first point: the stream
    /// brings what changed since. Broken: under the
    /// other snapshot's point, whose sweep takes the first ranges' rows for vanished.
    /// </summary>
    ContinuedCopyKeepsItsPoint,

    /// <summary>… a range is not read again once its rows are durable. Broken: once they are applied.</summary>
    ContinuedRangeIsDurable,

    /// <summary>A retry keeps the dead letter's version. Broken: it takes the current position, and overtakes newer changes.</summary>
    RetryKeepsItsVersion,

    /// <summary>Several readers: a retry stands in its partition's order. Broken: whoever is asked does it at once; it can land behind a
    /// TRUNCATE that found nothing to clear.</summary>
    RetryStandsInItsPartition,

    /// <summary>TRUNCATE and resync resolve older dead letters of their table. Broken: they can be retried, and bring rows back.</summary>
    TruncateAndResyncResolveDeadLetters,

    /// <summary>Rows that vanished while changes were lost get tombstones at the snapshot's point. Broken: they stay.</summary>
    VanishedRowsGetTombstones,

    /// <summary>… once the stream has passed that point. Broken: as soon as the copy has landed, while older
    /// changes are still to come.</summary>
    VanishedRowsAreSweptAtTheMarker,

    /// <summary>
    /// Of tables that are copied together the last one's marker derives all that they make. Broken: only what its own rows touch; facts of
    /// the others never come.
    /// </summary>
    LastCopyDerivesForItsSiblings,

    /// <summary>
    /// A dead letter settles by itself once a later change of its key has landed. Broken: as soon as its key has a row; what it holds may
    /// be the newest.
    /// </summary>
    DeadLetterSettlesOnceOvertaken,

    // ---- the catalog
    // -------------------------------------------------------------------------------------------------------------------------

    /// <summary>A change that lacks a mapped column lands only below a copy. Broken: it lands, with a default over the value.</summary>
    ColumnThatIsGoneStopsTheStream,

    /// <summary>… a copy whose point is above that change. Broken: any copy that is under way will do.</summary>
    CopyComesAboveWhatLacks,

    /// <summary>A table is its OID: another one of its name is copied anew. Broken: its changes go on where the other's ended.</summary>
    AnotherTableIsCopiedAnew,

    /// <summary>A renamed table is still that table. Broken: its changes are ignored, and acknowledged.</summary>
    RenamedTableIsNotIgnored,

    /// <summary>
    /// A table that is rewritten during its copy is copied from the beginning, with a new snapshot. Broken: the next range is read where it
    /// was planned.
    /// </summary>
    RewrittenTableIsCopiedFromTheBeginning,

    /// <summary>… also if that was between two snapshots of one copy. Broken: what is left is read by the places of the first.</summary>
    ContinuedCopyHasItsForm,

    /// <summary>
    /// The replayed end of an older copy ends nothing once a later one is recorded, on whose coming the stream may have relied. Broken: the
    /// table counts as copied.
    /// </summary>
    OlderCopyEndsNothing,

    /// <summary>
    /// Where ALTER TABLE has rewritten values, the table is copied anew. Broken: the stream had no event, so there is nothing to do.
    /// </summary>
    RewrittenValuesAreCopiedAnew,

    // ---- repairs
    // -----------------------------------------------------------------------------------------------------------------------------

    /// <summary>
    /// A row that was found to differ is read when the stream comes by a marker, and lands there. Broken: it is read when that is asked
    /// for, and overtakes what comes between.
    /// </summary>
    RepairIsReadAtItsMarker,

    /// <summary>
    /// … once all that was committed before is visible. Broken: at once; a commit stands in the stream before it is visible.
    /// </summary>
    RepairIsReadOnceVisible,

    // ---- transactions that are sent before they end
    // ------------------------------------------------------------------------------------------

    /// <summary>What an open transaction has sent is kept until its commit. Broken: it lands as it comes, at its records' LSNs.</summary>
    OpenTransactionWaitsForItsCommit,

    /// <summary>… and what was rolled back of it is left out. Broken: all that came is of the transaction that commits.</summary>
    RolledBackPartIsLeftOut,

    // ---- acknowledging
    // -----------------------------------------------------------------------------------------------------------------------

    /// <summary>A keepalive is adopted only when nothing received is unapplied. Broken: always.</summary>
    KeepaliveWaitsForWhatIsUnapplied,

    /// <summary>Only what is durable is acknowledged. Broken: what is applied.</summary>
    AppliedIsNotDurable,

    /// <summary>A marker is emitted once what it speaks of is durable. Broken: once it is applied; after a power loss the
    /// sweep deletes what was copied.</summary>
    MarkerWaitsForDurability,

    // ---- Kafka
    // -------------------------------------------------------------------------------------------------------------------------------

    /// <summary>Transactions fence a dead predecessor's queued messages. Broken: they arrive after its successor's.</summary>
    TransactionsFenceThePredecessor,

    /// <summary>A key never changes its partition. Broken: another partitioner takes over.</summary>
    KeysKeepTheirPartition,

    /// <summary>TRUNCATE goes to every partition. Broken: to one.</summary>
    TruncateGoesToEveryPartition,

    /// <summary>… and clears only the rows that this partition brought. Broken: all of the table.</summary>
    TruncateClearsItsPartitionOnly,

    /// <summary>What was committed before a copy's snapshot is left out behind the copy. Broken: it is sent again; a row whose
    /// delete was lost comes back.</summary>
    ResyncCoversWhatWasBefore,

    /// <summary>… also after a crash. Broken: the point is forgotten.</summary>
    ResyncRemembersItsPoint,

    /// <summary>No change above the point goes out before the second mark. Broken: the stream goes on meanwhile.</summary>
    ResyncHaltsTheStream,

    /// <summary>At the second mark, what is older than the first is swept. Broken: nothing is.</summary>
    ResyncSweepsBetweenItsMarks,

    // ---- ClickHouse
    // --------------------------------------------------------------------------------------------------------------------------

    /// <summary>Tombstones stay. Broken: <c>OPTIMIZE … CLEANUP</c> forgets them, and a late older row comes back.</summary>
    TombstonesStay,
}
