using System.ComponentModel.DataAnnotations;
using AspireCdc.Star.Postgres;

namespace AspireCdc.Api;

/// <summary>The names that the database and the change pipeline share; section <c>Cdc</c>.</summary>
internal sealed class CdcOptions
{
    public const string Section = "Cdc";

    /// <summary>The model of what is mirrored, a file; by default <c>star.json</c> beside the program.</summary>
    public string? Model { get; set; }

    [Required(ErrorMessage = "Cdc:Publication is empty: name the publication, or leave the setting out.")]
    public string Publication { get; set; } = CdcDefaults.Publication;

    [Required(ErrorMessage = "Cdc:Slot is empty: name the replication slot, or leave the setting out.")]
    public string Slot { get; set; } = CdcDefaults.Slot;

    /// <summary>The role that the processor logs in as.</summary>
    [Required(ErrorMessage = "Cdc:Role is empty: name the processor's role, or leave the setting out.")]
    public string Role { get; set; } = CdcDefaults.Role;

    /// <summary>That role's password; only <c>init-db</c> needs it.</summary>
    public string? Password { get; set; }
}
